"""The bars: what speed and thrift this project promises, measured on the machine at hand."""
