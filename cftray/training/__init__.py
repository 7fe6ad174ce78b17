"""One phase of full fine-tuning: an engine loop that runs in any group of processes."""
