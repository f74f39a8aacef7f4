"""Any log format to exchanges and accounts; rejects are counted and kept."""
