"""Window-level detection on the protocol of arXiv 2606.05725: their MMD detector and ours."""
