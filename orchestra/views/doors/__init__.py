"""Every address and who may go through it: one table, for the crawler of the tests and the matrix in the documents."""
