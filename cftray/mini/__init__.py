"""The miniature world: a closed universe of data, a tiny base model and tasks that fit on two cores."""
