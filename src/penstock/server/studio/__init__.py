"""The studio: pages of runs, rendered on the server. Shows what was recorded; decides and changes nothing."""
