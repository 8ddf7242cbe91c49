"""The flatbuffer: made, mended, labelled, described."""
