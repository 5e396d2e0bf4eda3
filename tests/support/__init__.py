"""What the tests share: components, servers, materials, reports. Not part of the product."""
