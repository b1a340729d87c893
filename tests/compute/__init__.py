"""Jobs in their sandbox. A package, so that its tests share what makes a job."""
