namespace Granary.Training.Tasks;

/// <summary>Names of devices: a kind, and of GPUs the number behind it, such as <c>cuda:0</c>.</summary>
public static class DeviceName
{
    /// <summary>The processor.</summary>
    public const string Cpu = "cpu";

    /// <summary>NVIDIA's GPUs; by itself the first.</summary>
    public const string Cuda = "cuda";

    /// <summary>The processor, as if its memory were another's: it shows, without a GPU, what a GPU does.</summary>
    public const string Staged = "staged";

    /// <summary>Of a run and a node: GPUs if there are any, else the processor.</summary>
    public const string Auto = "auto";

    /// <summary>Of a run whose task knows none but the processor: any slot will do.</summary>
    public const string Any = "any";

    /// <summary>The switch of a run that says what it is trained on. A run that has none was trained on the processor.</summary>
    public const string Switch = "device";

    /// <summary>The kind: what all bits of a run are computed on.</summary>
    public static string KindOf(string device) => device.IndexOf(':', StringComparison.Ordinal) is var end && end >= 0 ? device[..end] : device;

    /// <summary>The kind of some devices, with commas between.</summary>
    /// <returns><see langword="null"/>: one is none, or they are of several kinds.</returns>
    public static string? KindOfAll(string devices)
    {
        var kinds = devices.Split(',').Select(device => IsValid(device) ? KindOf(device) : null).Distinct().ToList();
        return kinds is [{ } kind] ? kind : null;
    }

    /// <summary>Whether it is a device, or <see cref="Auto"/>.</summary>
    public static bool IsValid(string name) => name is Cpu or Cuda or Staged or Auto || (KindOf(name) == Cuda && name.Length > Cuda.Length + 1 && name.AsSpan(Cuda.Length + 1) is var number && number.Length < 4 && !number.ContainsAnyExceptInRange('0', '9'));
}
