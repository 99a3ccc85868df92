"""What an administrator oversees, in numbers: plain functions over rows that the caller has narrowed to clinics."""
