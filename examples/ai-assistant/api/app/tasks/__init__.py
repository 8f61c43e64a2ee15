"""What an operator does now and then: python3 -m app.tasks NAME. Each can be run again."""
