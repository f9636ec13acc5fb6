"""The database: the only place with SQL. Tables, unit of work, migrations, and one module a subject."""
