"""What the HTML report shows: the data of each chart, and the page around them."""
