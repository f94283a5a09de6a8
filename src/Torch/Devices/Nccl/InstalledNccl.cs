namespace Granary.Torch.Devices.Nccl;

/// <summary>The NCCL of this machine.</summary>
public static class InstalledNccl
{
    /// <summary>Such as 2.28.9, of the one that replicas would exchange over.</summary>
    /// <param name="fault">What is wrong with it; <see langword="null"/>: nothing, or there is none.</param>
    /// <returns><see langword="null"/>: there is none that is of use.</returns>
    public static string? Version(out string? fault)
    {
        fault = null;
        try
        {
            return NcclLibrary.Find()?.Version;
        }
        catch (NcclException error)
        {
            fault = error.Message.TrimEnd('.');
            return null;
        }
    }
}
