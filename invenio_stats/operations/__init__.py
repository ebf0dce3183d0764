"""Operations that tasks and commands share."""
