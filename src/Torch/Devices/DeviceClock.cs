using System.Collections.Concurrent;
using System.Diagnostics;

namespace Granary.Torch.Devices;

/// <summary>What a device does besides computing.</summary>
internal enum DeviceWork
{
    /// <summary>Copies between its memory and the host's.</summary>
    Copy,

    /// <summary>The exchange with other devices over NCCL, and the waiting for them.</summary>
    Exchange,
}

/// <summary>How long a device has spent on something, all in all. Of a GPU, its own time, which is known when it is waited for.</summary>
internal sealed class DeviceClock
{
    private static readonly ConcurrentDictionary<string, DeviceClock> clocks = [];
    private readonly long[] ticks = new long[Enum.GetValues<DeviceWork>().Length];

    /// <summary>That of a device, by its name: replicas on one device share it.</summary>
    public static DeviceClock Of(string device) => clocks.GetOrAdd(device, _ => new());

    public static bool IsInUse(string device) => clocks.ContainsKey(device);

    public TimeSpan this[DeviceWork work] => TimeSpan.FromTicks(Interlocked.Read(ref ticks[(int)work]));

    public void Add(DeviceWork work, TimeSpan time) => Interlocked.Add(ref ticks[(int)work], time.Ticks);

    /// <summary>Adds the host's time until the scope ends.</summary>
    public IDisposable Measure(DeviceWork work) => new HostTime(this, work);

    private sealed class HostTime(DeviceClock clock, DeviceWork work) : IDisposable
    {
        private readonly long begun = Stopwatch.GetTimestamp();

        public void Dispose() => clock.Add(work, Stopwatch.GetElapsedTime(begun));
    }
}
