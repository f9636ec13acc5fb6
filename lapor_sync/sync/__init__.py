"""The work: one file a step; `cycle` names the steps in order."""
