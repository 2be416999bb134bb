"""Shell commands as executors: started, supervised over the death of their driver, ended with all that they began."""
