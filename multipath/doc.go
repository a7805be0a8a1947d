// Package multipath reads and changes the multipath maps of a Linux host: the
// topology as data, parsers for every form that multipath-tools print it in,
// and clients over multipathd's socket, the command line, or device-mapper
// alone.
//
// # Parsers
//
// [Parse] reads what multipath -ll and multipathd show topology print, from the
// brackets of 0.4.5 to the trees of 0.15; [ParseJSON] reads show maps json;
// [ParseAny] takes either. They are pure, need no privilege, and may be called from
// any goroutine. A [Topology] shares the memory of the text it was read from.
//
// They never guess. Text that is cut off, that is an error reply, or that could
// show a path under the wrong map is refused as a whole with a *[ParseError] or
// *[ReplyError], and what is refused comes without a topology. That there are no
// maps is said only where the source says so. And what no form can tell, as
// that a path which is not printed is not there, is told by
// [Topology.Unknowns].
//
// # Clients
//
// [Socket] speaks multipathd's protocol, [Command] runs the tools,
// [DeviceMapper] does with the kernel's ioctls alone what can be done without
// either. They need root; each method is bounded by its context. None of them
// can send what concerns more than one map: -F, -W, -r, reconfigure, del maps,
// dmsetup --force.
//
// # Errors
//
// Decisions go through errors.Is and errors.As: [ErrTruncated] and
// [ErrNoTopology] for texts, [ErrInUse], [ErrNoMap], [ErrNoDaemon],
// [ErrPermission] and the like for orders, inside a *[CommandError] which says
// whether the order may still be carried out.
//
// # When not to use
//
// To learn which paths the kernel's table has, or if a map is open, read
// device-mapper (DeviceMapper, or sysfs slaves/ and holders/): printed topology
// leaves paths out. To learn if a path works, ask the device: "running" proves
// nothing. multipath -ll is not passive, it runs every path's checker; show
// topology over the socket is.
package multipath
