"""What a program owes the machine that it runs on: signals, locks, disks, terminals."""
