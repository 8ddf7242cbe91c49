"""The schemes after training: what each stores, and how it is made."""
