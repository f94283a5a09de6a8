using System.ComponentModel.DataAnnotations;
using System.Net;
using Granary.Training.Exchange.Links;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Grains.Nodes;

/// <summary>A silo as a place to train.</summary>
public sealed class NodeOptions
{
    public const string Section = "Granary:Node";
    private const string Folder = @"/[^\p{C}]*|[A-Za-z]:[^\p{C}]*";

    /// <summary>The node's name, the same over restarts. Default: the machine's name.</summary>
    [RegularExpression("[A-Za-z0-9._-]{1,100}", ErrorMessage = "1 to 100 letters, digits, dots, dashes or underscores")]
    public string Name { get; set; } = Environment.MachineName;

    /// <summary>
    /// Where replicas live: <c>cpu</c>, <c>cuda</c> (every GPU), <c>cuda:1</c>, or several with commas between. Default: <c>auto</c>, every GPU that
    /// libtorch can use, else the processor.
    /// </summary>
    [RegularExpression("[a-z0-9:, ]{1,1000}", ErrorMessage = "auto, cpu, cuda, cuda:0 and so on, or several with commas between")]
    public string Device { get; set; } = DeviceName.Auto;

    /// <summary>How many replicas the silo takes on each device; 0: none, it only coordinates. Default: 1.</summary>
    [Range(0, 1024)]
    public int Slots { get; set; } = 1;

    /// <summary>The address or name under which other processes reach this one's port for gradients. Default of a silo: its advertised address.</summary>
    [RegularExpression("[A-Za-z0-9._-]{1,253}", ErrorMessage = "an IPv4 address, such as 10.0.0.5, or a name")]
    public string DataHost { get; set; } = IPAddress.Loopback.ToString();

    /// <summary>The port for gradients. Default: 0, any free one.</summary>
    [Range(0, 65535)]
    public int DataPort { get; set; }

    /// <summary>
    /// How gradients travel to other processes of the same machine. Default: Auto, the fastest that works (shared memory, a Unix
    /// socket, TCP); Tcp keeps to the network; with SharedMemory or Unix a round fails where that does not
    /// work. Nodes that want different ones meet over TCP.
    /// </summary>
    public Transport Transport { get; set; } = Transport.Auto;

    /// <summary>How long an exchange waits for a silent peer before the round ends. Default: 60 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a silo that is told to end waits for its runs to go on elsewhere, or to write a checkpoint. Default: 30 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan Grace { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The folder that runs of others read below, such as <c>/data</c>. Default: none; with <see cref="RunRoot"/>, or neither.</summary>
    [RegularExpression(Folder, ErrorMessage = "a folder's path from the root on, such as /data")]
    public string DataRoot { get; set; } = "";

    /// <summary>The folder that run directories of others lie below, such as <c>/runs</c>. Default: none; with <see cref="DataRoot"/>, or neither.</summary>
    [RegularExpression(Folder, ErrorMessage = "a folder's path from the root on, such as /runs")]
    public string RunRoot { get; set; } = "";

    /// <summary>What both roots make; <see langword="null"/>: there are none, and runs read and write anywhere, as the silo's user may.</summary>
    public PathRoots? Roots => DataRoot.Length > 0 && RunRoot.Length > 0 ? new(new($"{Section}:{nameof(DataRoot)}", DataRoot), new($"{Section}:{nameof(RunRoot)}", RunRoot)) : null;

    /// <summary>Whether only processes of this machine reach a host of that name or address.</summary>
    public static bool IsLoopback(string host) => host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
