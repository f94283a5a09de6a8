using System.Collections.Concurrent;
using System.Reflection;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>The tensors of a batch: itself, or its properties of that type.</summary>
internal static class DeviceBatch
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> properties = [];
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> settable = [];
    private static readonly Func<object, object> copy = typeof(object).GetMethod(nameof(MemberwiseClone), BindingFlags.Instance | BindingFlags.NonPublic)!.CreateDelegate<Func<object, object>>();

    public static IEnumerable<Tensor> TensorsOf(object? batch) => batch switch
    {
        null => [],
        Tensor tensor => [tensor],
        _ => PropertiesOf(batch).Select(property => (Tensor?)property.GetValue(batch)).OfType<Tensor>(),
    };

    /// <returns>The batch on a device, in the innermost scope; the host's stays as it is.</returns>
    /// <exception cref="ArgumentException">It keeps tensors where nobody can set them.</exception>
    public static object Bring(object batch, ReplicaDevice device)
    {
        if (device.IsHost)
        {
            return batch;
        }
        if (batch is Tensor only)
        {
            return device.Bring(only);
        }
        var brought = copy(batch);
        foreach (var property in Settable(batch.GetType()))
        {
            if (property.GetValue(batch) is Tensor tensor)
            {
                property.SetValue(brought, device.Bring(tensor));
            }
        }
        return brought;
    }

    private static PropertyInfo[] PropertiesOf(object batch) =>
        properties.GetOrAdd(batch.GetType(), type => [.. type.GetProperties().Where(property => property.PropertyType == typeof(Tensor) && property.GetIndexParameters().Length == 0)]);

    /// <summary>What is computed from others follows from them; what is kept must be a property that can be set.</summary>
    private static PropertyInfo[] Settable(Type type) => settable.GetOrAdd(type, _ =>
    {
        var found = type.GetProperties().Where(property => property.PropertyType == typeof(Tensor) && property.CanWrite).ToArray();
        var kept = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(field => typeof(Tensor).IsAssignableFrom(field.FieldType) || typeof(IEnumerable<Tensor>).IsAssignableFrom(field.FieldType))
            .Select(field => field.Name is ['<', ..] ? field.Name[1..field.Name.IndexOf('>', StringComparison.Ordinal)] : field.Name);
        return kept.Except(found.Select(property => property.Name)).FirstOrDefault() is { } lost
            ? throw new ArgumentException($"A batch of {type.Name} cannot be brought to a device: {lost} keeps tensors, and is no property that can be set. Make the batch a record whose tensors are its properties.")
            : found;
    });
}
