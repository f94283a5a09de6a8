using System.Net;
using System.Net.Sockets;
using Granary.Silo.Settings;

namespace Granary.LocalClusters;

internal static class FreePorts
{
    // Below the range that the system hands out for outgoing connections: a silo that is started again finds its ports free.
    private const int First = 10_000, Last = 32_000;

    private static readonly Lock turn = new();
    private static readonly HashSet<int> taken = [];

    /// <summary>Its byte of a port's number is locked by the process that has taken the port, until that ends. It must not be closed: all locks would go.</summary>
    private static readonly Lazy<FileStream> others = new(() =>
        new(Path.Combine(Path.GetTempPath(), $"granary-ports-{Environment.UserName}"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite));

    /// <summary>Ports of the loopback address that nobody listens on, and that no other program of this user's takes while this one runs.</summary>
    /// <exception cref="ClusterStartException">There are hardly any.</exception>
    public static int[] Take(int count)
    {
        lock (turn)
        {
            var ports = new List<int>();
            for (var draws = 0; ports.Count < count; draws++)
            {
                if (draws > Last - First)
                {
                    throw new ClusterStartException($"No port from {First} to {Last} of {IPAddress.Loopback} seems to be free. End what listens there.");
                }
                var port = Random.Shared.Next(First, Last);
                if (taken.Add(port) && IsLeftByOthers(port) && IsFree(port))
                {
                    ports.Add(port);
                }
            }
            return [.. ports];
        }
    }

    private static bool IsLeftByOthers(int port)
    {
        if (OperatingSystem.IsMacOS())
        {
            // It has no such locks: whom it strikes starts again.
            return true;
        }
        try
        {
            others.Value.Lock(port, 1);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
