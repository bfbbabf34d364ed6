"""Lost battles -> examples -> a stronger contender: bouts, selection, training_sets, rounds, train."""
