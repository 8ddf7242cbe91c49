"""Several labels at once: each label of a picture is answered on its own."""
