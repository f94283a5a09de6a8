namespace Granary.Grains.Persistence;

/// <summary>The grain storage that all of Granary's grains use.</summary>
public static class GrainStorage
{
    public const string Name = "granary";
}
