"""Many agencies on many machines: workers that take cycles from a queue in PostgreSQL.

The queue decides who works an agency, and its lock in the database who may send: a worker that was frozen, or whose
connection was lost, finds that out before anything leaves. `roster` knows the agencies' files, `cycles` works one,
`queue` has the jobs, `process` runs it all.
"""
