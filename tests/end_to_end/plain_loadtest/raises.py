raise RuntimeError("the account is gone")
