"""Scripts of commands, with times and expectations."""
