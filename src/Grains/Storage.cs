namespace Granary.Grains;

/// <summary>The grain storage that all of Granary's grains use.</summary>
public static class Storage
{
    public const string Name = "granary";
}
