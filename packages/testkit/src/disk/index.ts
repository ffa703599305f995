export { Inode, Platter } from './platter.js'
export { asJob, systemError, VirtualDisk, type DiskDeed, type Doing, type VirtualDiskOptions } from './virtual-disk.js'
