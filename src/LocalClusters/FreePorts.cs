using System.Net;
using System.Net.Sockets;

namespace Granary.LocalClusters;

internal static class FreePorts
{
    // Below the range that the system hands out for outgoing connections: a silo that is started again finds its ports free.
    private const int First = 10_000, Last = 32_000;

    /// <summary>Ports of the loopback address that nobody listens on.</summary>
    public static int[] Take(int count)
    {
        var listeners = new List<TcpListener>();
        try
        {
            while (listeners.Count < count)
            {
                var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(First, Last));
                try
                {
                    listener.Start();
                    listeners.Add(listener);
                }
                catch (SocketException)
                {
                    listener.Dispose();
                }
            }
            return [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
        }
    }
}
