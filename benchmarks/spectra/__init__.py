"""Share of spectra whose number of peaks is found, and accuracy of the peaks' positions."""
