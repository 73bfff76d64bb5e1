"""The recorder as a program: put together, ended by signals, gone within a second."""
