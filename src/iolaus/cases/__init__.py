"""What a finding is worth, and the report that shows it."""
