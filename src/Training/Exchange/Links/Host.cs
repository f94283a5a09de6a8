namespace Granary.Training.Exchange.Links;

/// <summary>Which machine a process runs on.</summary>
public static class Host
{
    private const string BootId = "/proc/sys/kernel/random/boot_id";

    /// <summary>
    /// The same for all processes of one running kernel, in whatever containers they are; empty where there is no telling: then
    /// every process counts as alone on its machine.
    /// </summary>
    public static Guid Id { get; } = File.Exists(BootId) && Guid.TryParse(File.ReadAllText(BootId), out var id) ? id : Guid.Empty;
}
