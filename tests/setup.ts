/** For all files: the test runner keeps a hundred frames of every error, and errors are most of what many tests are about. */
Error.stackTraceLimit = 12
