"""Detection quality: every family of campaigns, every look-alike, against every peer."""
