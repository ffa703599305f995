export { Inode, Platter } from './platter.js'
export { systemError, VirtualDisk, type DiskDeed, type Doing, type VirtualDiskOptions } from './virtual-disk.js'
