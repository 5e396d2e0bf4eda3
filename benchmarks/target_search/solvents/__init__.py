"""Small molecules, their binding energy with Li⁺ by GFN2-xTB, and descriptors of the free molecule."""
