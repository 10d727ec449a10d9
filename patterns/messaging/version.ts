/** Counts changes of one kind; shared by those that make them and those that look whether there was one. */
export class Version {
  value = 0
}
