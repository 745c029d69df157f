"""The storybook pair from fetched artwork to the files of the package."""
