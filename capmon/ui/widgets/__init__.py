"""What panes are drawn with."""
