"""The main job on worlds of real size: simulate, scan, replay, score, freeze, and a page of it."""
