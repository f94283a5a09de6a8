using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Microsoft.Win32.SafeHandles;

namespace Granary.Training.Exchange.Links;

/// <summary>
/// The files by which two processes of one machine meet: shared memory and Unix sockets. One makes such a file under a random
/// name, in a folder that both know, and tells the other the name alone. The other takes nothing but what a process of its own user
/// has made.
/// </summary>
internal static unsafe partial class MeetingFile
{
    private const int ReadWrite = 2, CloseOnExec = 0x80000;
    private const int OfPath = -100, NotFollowing = 0x100, OfHandle = 0x1000;
    private const uint BasicFields = 0x7FF;
    private const int KindBits = 0xF000, Regular = 0x8000, UnixSocket = 0xC000, WritableByOthers = 0x12;
    private const int SocketLevel = 1, PeerCredentials = 17;

    // One of the few numbers that differ between processors.
    private static readonly int noLink = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    public static string NewName() => $"granary-{Guid.NewGuid():N}";

    /// <exception cref="IOException">It is no name that <see cref="NewName"/> makes.</exception>
    public static string PathOf(string folder, string name) => Form().IsMatch(name)
        ? Path.Combine(folder, name)
        : throw new IOException($"'{name}' is no name that Granary gives: granary- and 32 hexadecimal digits.");

    /// <summary>Opens shared memory that a process of this user has made.</summary>
    /// <exception cref="IOException">It is not there, or is something else, or somebody else's.</exception>
    public static SafeFileHandle Open(string path, long size)
    {
        MustBeChecked(path);
        var handle = new SafeFileHandle(Libc.Open(path, ReadWrite | CloseOnExec | noLink), ownsHandle: true);
        if (handle.IsInvalid)
        {
            throw Failed(path);
        }
        try
        {
            Libc.FileStatus status;
            if (Libc.Stat((int)handle.DangerousGetHandle(), "", OfHandle, BasicFields, &status) != 0)
            {
                throw Failed(path);
            }
            Check(path, status, Regular);
            return status.Size == size ? handle : throw new IOException($"{path} has {status.Size} bytes, not {size}.");
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Connects to a process of this user.</summary>
    /// <exception cref="IOException">It is not there, or is something else, or somebody else's.</exception>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static Socket Connect(string path)
    {
        MustBeChecked(path);
        Libc.FileStatus status;
        if (Libc.Stat(OfPath, path, NotFollowing, BasicFields, &status) != 0)
        {
            throw Failed(path);
        }
        Check(path, status, UnixSocket);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            CheckPeer(socket);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Asks the kernel whose process is at the other end of a Unix socket: no file could be swapped in time to change that.</summary>
    /// <exception cref="IOException">It is another user's.</exception>
    public static void CheckPeer(Socket socket)
    {
        var credentials = new byte[3 * sizeof(int)];
        socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials);
        var user = BitConverter.ToUInt32(credentials, sizeof(int));
        if (user != Libc.User())
        {
            throw new IOException($"The process at the other end of a Unix socket belongs to user {user}, not {Libc.User()}.");
        }
    }

    private static void Check(string path, in Libc.FileStatus status, int kind)
    {
        var lack = (status.Mode & KindBits) != kind ? $"is no {(kind == Regular ? "file" : "socket")}"
            : status.Owner != Libc.User() ? $"belongs to user {status.Owner}, not {Libc.User()}"
            : (status.Mode & WritableByOthers) != 0 ? "may be written by others"
            : status.Names != 1 ? $"has {status.Names} names"
            : null;
        if (lack is not null)
        {
            throw new IOException($"{path} {lack}.");
        }
    }

    private static void MustBeChecked(string path)
    {
        if (!Libc.IsPresent)
        {
            throw new IOException($"Whose {path} is cannot be told on this system.");
        }
    }

    private static IOException Failed(string path)
    {
        var error = new Win32Exception(Marshal.GetLastPInvokeError());
        return new($"{path}: {error.Message}.", error);
    }

    [GeneratedRegex(@"^granary-[0-9a-f]{32}\z")]
    private static partial Regex Form();
}
