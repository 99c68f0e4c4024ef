"""What really happens where a file calls something or makes an object: functions of our own."""
