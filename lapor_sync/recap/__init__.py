"""The recap of a period: what a city reports to its mayor, its province and the ministry. Figures are in `figures`."""
