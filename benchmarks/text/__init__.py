"""Speed, capability quality and phrase recurrence of the text features."""
