"""The two painters of a chart, Bokeh and SVG, and what they agree on: scales, colours, the text beside it."""
