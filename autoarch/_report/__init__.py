"""Draw plain values as HTML, text and figures; knows no report class."""
