using System.Collections.Concurrent;
using System.Reflection;
using static TorchSharp.torch;

namespace Granary.Torch.Devices;

/// <summary>The tensors of a batch: itself, or its properties of that type.</summary>
internal static class DeviceBatch
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> properties = [];
    private static readonly Func<object, object> copy = typeof(object).GetMethod(nameof(MemberwiseClone), BindingFlags.Instance | BindingFlags.NonPublic)!.CreateDelegate<Func<object, object>>();

    public static IEnumerable<Tensor> TensorsOf(object? batch) => batch switch
    {
        null => [],
        Tensor tensor => [tensor],
        _ => PropertiesOf(batch).Select(property => (Tensor?)property.GetValue(batch)).OfType<Tensor>(),
    };

    /// <returns>The batch on a device, in the innermost scope; the host's stays as it is.</returns>
    /// <exception cref="ArgumentException">A property of it cannot be set.</exception>
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
        foreach (var property in PropertiesOf(batch))
        {
            if (property.GetValue(batch) is Tensor tensor)
            {
                if (!property.CanWrite)
                {
                    throw new ArgumentException($"The batch {batch.GetType().Name} cannot be brought to device {device.Name}: its property {property.Name} cannot be set. Make the batch a record, or give the property an init accessor.");
                }
                property.SetValue(brought, device.Bring(tensor));
            }
        }
        return brought;
    }

    private static PropertyInfo[] PropertiesOf(object batch) =>
        properties.GetOrAdd(batch.GetType(), type => [.. type.GetProperties().Where(property => property.PropertyType == typeof(Tensor) && property.GetIndexParameters().Length == 0)]);
}
